"""Plain HTTP for those who cannot speak GraphQL: a question in the address, JSON or CSV as the answer."""
