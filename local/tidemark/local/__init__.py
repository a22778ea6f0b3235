"""The one-machine cluster: what its parts are, fetching them, starting, watching and stopping them."""
