"""Pure: a HubSpot answer in, one verdict per input out."""
