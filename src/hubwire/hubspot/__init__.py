"""HubSpot's API: paths, requests and answers as values, and the client, which is the only socket to HubSpot.

Everything here but `client` and `tokens` is pure and may be used by `deliver`.
"""
