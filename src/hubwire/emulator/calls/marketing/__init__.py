"""Events, lists, forms, subscriptions, and what the tracking code does in a browser."""
