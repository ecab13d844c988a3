terraform {
  required_providers {
    hubspot = {
      source = "jackemcpherson/hubspot"
    }
  }
}

variable "api_base_url" {
  type = string
}

provider "hubspot" {
  api_base_url = var.api_base_url
}

resource "hubspot_property_group" "billing" {
  object_type   = "contacts"
  name          = "billing"
  label         = "Billing"
  display_order = -1
}

resource "hubspot_property" "tier" {
  object_type = "contacts"
  name        = "customer_tier"
  label       = "Customer tier"
  group_name  = hubspot_property_group.billing.name
  type        = "enumeration"
  field_type  = "select"

  options = {
    standard = { label = "Standard" }
    premium  = { label = "Premium" }
  }
}
