"""What commands share: printing, filter options, the session that writes, choosing a destination."""
