"""OpenTelemetry: what is measured and traced, through its API alone. Without an SDK in the process it says nothing."""
