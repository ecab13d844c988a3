"""The account, its tokens and owners, the webhooks journal, and the control plane of tests."""
