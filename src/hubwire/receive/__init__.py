"""The Segment Tracking API: from an HTTP upload to journal entries, answered only after they are on disk."""
