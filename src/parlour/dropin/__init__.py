"""Interception: unchanged applications reach Parlour by a proxy, a local authority and the environment."""
