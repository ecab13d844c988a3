"""One call to HubSpot and what surrounds it: the caller, batches, bisection, retries."""
