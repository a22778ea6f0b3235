"""The GraphQL schema, made from the catalogue, and its ASGI application."""
