"""What a running installation tells: metrics, alerts, logs."""
