"""HubSpot's API: paths, requests and answers as values, and the client, which is the only socket to HubSpot.

All modules except `client` and `tokens` are pure, and `deliver` may use them.
"""
