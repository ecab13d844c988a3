# A made-up workspace: eight subscriptions that use every directive, and what stands beside them in real exports.
resource "segment_destination" "hubspot" {
  name      = "HubSpot production"
  enabled   = true
  metadata  = { id = "632b1116e0cb83902f3fd717" }
  settings  = jsonencode({ portalId = "7654321" })
  source_id = segment_source.backend.id
}

resource "segment_destination_subscription" "people" {
  action_id      = "v3BPw5E3WcwKH4nngqta2i"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  model_id       = null
  name           = "People"
  settings = jsonencode({
    email     = { "@path" = "$.traits.email" }
    firstname = { "@if" = { exists = { "@path" = "$.traits.first_name" }, then = { "@path" = "$.traits.first_name" }, else = { "@path" = "$.traits.firstName" } } }
    phone     = { "@replace" = { pattern = "-", replacement = "$& ", value = { "@path" = "$.traits.phone" } } }
    jobtitle  = "ignored"
    properties = {
      plan       = { "@case" = { operator = "lower", value = { "@path" = "$.traits.plan" } } }
      "Bad Name" = "x"
    }
    enable_batching = true
  })
  trigger = "type = \"identify\""
}

resource "segment_destination_subscription" "places" {
  action_id      = "v3BPw5E3WcwKH4nngqta2i"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Places"
  settings       = "{\"email\":{\"@path\":\"$.context.traits.email\"},\"city\":{\"@template\":\"{{context.page.path}} $ {{{userId}}}\"},\"state\":{\"@literal\":\"Anywhere\"},\"properties\":{\"tags\":{\"@arrayPath\":[\"$.properties.products\",{\"sku\":{\"@path\":\"$.sku\"}}]}}}"
  trigger        = "type = \"track\" and event = \"Order Completed\""
}

resource "segment_destination_subscription" "companies" {
  action_id      = "dfT2tG36Ddr8MUKCUvcvLt"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Companies"
  settings = jsonencode({
    groupid              = { "@if" = { blank = { "@path" = "$.groupId" }, then = { "@path" = "$.groupId" }, else = { "@path" = "$.context.groupId" } } }
    createNewCompany     = false
    associateContact     = true
    companysearchfields  = { domain = { "@path" = "$.traits.website" } }
    name                 = { "@path" = "$.traits.name" }
    properties = {
      all_traits = { "@json" = { mode = "encode", value = { "@path" = "$.traits" } } }
      decoded    = { "@json" = { mode = "decode", value = { "@path" = "$.traits.blob" } } }
    }
  })
  trigger = <<-EOT
    type = "group"
  EOT
}

resource "segment_destination_subscription" "orders" {
  action_id      = "9cmB51ubHWyRFyhaCbYV8u"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Orders"
  settings = jsonencode({
    eventName  = "pe7654321_orders"
    occurredAt = { "@path" = "$.timestamp" }
    email      = { "@path" = "$.properties.email" }
    utk        = { "@path" = "$.context.utk" }
    properties = {
      total   = { "@path" = "$.properties.total" }
      flat    = { "@flatten" = { value = { "@path" = "$.properties" }, separator = "_", omitArrays = true } }
      merged  = { "@merge" = { direction = "right", objects = [{ coupon = "none" }, { "@path" = "$.properties" }] } }
    }
  })
  trigger = "type = \"track\" and (event = \"Order Completed\" or match(event, \"Order*\"))"
}

resource "segment_destination_subscription" "visits" {
  action_id      = "mRG4EEHrTjKLyAfzbKhUZ9"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Visits"
  settings = jsonencode({
    __segment_internal_sync_mode = "upsert"
    event_name     = "Visited"
    record_details = { object_type = "contact", email = { "@path" = "$.context.traits.email" } }
    properties = {
      text  = { "@transform" = { apply = { who = { "@path" = "$.userId" } }, mapping = { "@template" = "{{who}} at {{where}}" } } }
      clean = { "@excludeWhenNull" = { "@path" = "$.properties" } }
    }
  })
  trigger = "type = \"page\" or type = \"screen\""
}

resource "segment_destination_subscription" "known" {
  action_id      = "dMYued7r3VjK4c2gBWUTZi"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Known users"
  settings = jsonencode({
    __segment_internal_sync_mode = "update"
    object_details = { object_type = "contact", id_field_name = "user_id", id_field_value = { "@path" = "$.userId" } }
    properties = {
      spent = { "@liquid" = "{% if properties.total > 20 %}{{ properties.total | times: 1.2 | round: 2 }}{% else %}{{ event | downcase }}{% endif %}" }
      Wrong = { "@path" = "$.propeties.x" }
    }
  })
  trigger = "type = \"track\" AND event = \"Plan Changed\""
}

resource "segment_destination_subscription" "order_records" {
  action_id      = "dMYued7r3VjK4c2gBWUTZi"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Order records"
  settings = jsonencode({
    __segment_internal_sync_mode = "upsert"
    association_sync_mode        = "read"
    associations                 = [{ object_type = "contact", association_label = "HUBSPOT_DEFINED:507", id_field_name = "email", id_field_value = { "@path" = "$.properties.note" } }]
    object_details               = { object_type = "orders", id_field_name = "order_id", id_field_value = { "@path" = "$.properties.coupon" } }
    properties                   = { hs_total_price = { "@path" = "$.properties.total" }, hs_order_name = { "@template" = "Order {{properties.coupon}}" } }
  })
  trigger = "type = \"track\" and event = \"Order Completed\""
}

resource "segment_destination_subscription" "boats" {
  action_id      = "dMYued7r3VjK4c2gBWUTZi"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Boats"
  settings = jsonencode({
    __segment_internal_sync_mode = "add"
    dissociations                = [{ object_type = "deals", association_label = "USER_DEFINED:7", id_field_name = "deal_id", id_field_value = { "@path" = "$.traits.plan" } }]
    object_details               = { object_type = "p123_boat", id_field_name = "hull", id_field_value = { "@path" = "$.userId" } }
    properties                   = { plan = { "@path" = "$.traits.plan" } }
  })
  trigger = "type = \"identify\""
}

resource "segment_destination_subscription" "everything" {
  action_id      = "9cmB51ubHWyRFyhaCbYV8u"
  destination_id = segment_destination.hubspot.id
  enabled        = false
  name           = "Everything else"
  settings = jsonencode({
    eventName  = "seen"
    email      = "$.properties.email"
    properties = { "@path" = "$.properties" }
  })
  trigger = "type = \"track\" or event = \"Other\""
}

resource "segment_destination_subscription" "deals" {
  action_id      = "fRn8RWTicuG6dpma5JKi9d"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  name           = "Deals"
  settings       = jsonencode({ objectType = "deals", properties = { dealname = { "@path" = "$.properties.name" } } })
  trigger        = "event = \"Deal Won\""
}

resource "segment_destination_filter" "staff" {
  title          = "No staff"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  if             = "match(traits.email, '*@example.com')"
  actions        = [{ type = "DROP" }]
}

resource "segment_destination_filter" "secrets" {
  title          = "No secrets"
  destination_id = segment_destination.hubspot.id
  enabled        = true
  if             = "all"
  actions        = [{ type = "DROP_PROPERTIES", fields = jsonencode({ traits = ["ssn"], "" = ["userId"] }) }]
}

resource "segment_insert_function_instance" "mask" {
  name           = "Mask"
  function_id    = "f1"
  integration_id = segment_destination.hubspot.id
  settings       = jsonencode({ apiKey = "do-not-print-me" })
}

resource "segment_destination" "site" {
  name     = "HubSpot site"
  enabled  = true
  metadata = { id = "54521fd725e721e32a72eec1" }
  settings = jsonencode({ apiKey = "••••••••", portalId = "7654321", loadFormsSdk = true })
}

resource "segment_destination" "amplitude" {
  name     = "Amplitude"
  metadata = { id = "54521fd525e721e32a72ee91" }
  settings = jsonencode({})
}
