"""What several test folders share: Hubwire as a real process."""
