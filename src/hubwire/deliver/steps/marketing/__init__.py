"""The steps for lists, e-mail subscriptions and form submissions."""
