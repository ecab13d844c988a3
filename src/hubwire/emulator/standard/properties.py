"""The built-in properties of deals, tickets, commerce objects, activities and object-library objects.

Source: HubSpot's object guides and default-property pages, and code and reports that name them. Not complete: a real
portal has some hundred a type. Labels, and the options of some enumerations, are chosen.
"""

from __future__ import annotations

OWNED = """
hubspot_owner_id|Owner|enumeration/select|ext noform|
hubspot_team_id|HubSpot Team|enumeration/select|ro ext|
hs_all_owner_ids|All owner ids|enumeration/checkbox|ro ext|
"""

DEALS = """
dealname|Deal Name|string/text||
amount|Amount|number/number||
dealstage|Deal Stage|enumeration/radio|ext|
pipeline|Pipeline|enumeration/select|ext|
closedate|Close Date|datetime/date||
dealtype|Deal Type|enumeration/radio||newbusiness=New Business; existingbusiness=Existing Business
description|Deal Description|string/textarea||
deal_currency_code|Currency|enumeration/select|ext|
hs_priority|Priority|enumeration/select||low=Low; medium=Medium; high=High
hs_next_step|Next step|string/text||
closed_lost_reason|Closed Lost Reason|string/textarea||
closed_won_reason|Closed Won Reason|string/textarea||
hs_forecast_amount|Forecast amount|number/number|ro|
hs_forecast_probability|Forecast probability|number/number||
hs_deal_stage_probability|Deal probability|number/number|ro|
hs_is_closed|Is Deal Closed?|bool/booleancheckbox|ro|true=True; false=False
hs_is_closed_won|Is Closed Won|bool/booleancheckbox|ro|true=True; false=False
hs_num_of_associated_line_items|Number of Associated Line Items|number/number|ro|
num_associated_contacts|Number of Associated Contacts|number/number|ro|
amount_in_home_currency|Amount in company currency|number/number|ro|
hs_analytics_source|Original Source Type|enumeration/select|ext|
days_to_close|Days to close|number/number|ro|
"""

TICKETS = """
subject|Ticket name|string/text||
content|Ticket description|string/textarea||
hs_pipeline|Pipeline|enumeration/select|ext|
hs_pipeline_stage|Ticket status|enumeration/select|ext|
hs_ticket_priority|Priority|enumeration/select||LOW=Low; MEDIUM=Medium; HIGH=High; URGENT=Urgent
hs_ticket_category|Category|enumeration/checkbox|ext|
source_type|Source|enumeration/select|ext|
hs_resolution|Resolution|enumeration/select|ext|
closed_date|Close date|datetime/date||
time_to_close|Time to close|number/number|ro|
"""

PRODUCTS = """
name|Name|string/text||
description|Product description|string/textarea||
price|Unit price|number/number||
hs_sku|SKU|string/text|uniq|
hs_folder|Folder|enumeration/select|ext|
hs_product_type|Product Type|enumeration/select|ext|
hs_cost_of_goods_sold|Unit cost|number/number||
hs_recurring_billing_period|Term|string/text||
recurringbillingfrequency|Billing frequency|enumeration/select|ext|
hs_url|URL|string/text||
hs_images|Image URL|string/text||
tax|Tax|number/number||
"""

LINE_ITEMS = """
name|Name|string/text||
quantity|Quantity|number/number||
price|Unit price|number/number||
amount|Net price|number/number||
discount|Unit discount|number/number||
hs_discount_percentage|Discount percentage|number/number||
tax|Tax|number/number||
hs_sku|SKU|string/text||
hs_product_id|Product ID|number/number||
description|Description|string/textarea||
hs_line_item_currency_code|Currency|enumeration/select|ext|
hs_tax_rate_group_id|Tax rate|string/text||
hs_recurring_billing_period|Term|string/text||
recurringbillingfrequency|Billing frequency|enumeration/select|ext|
hs_url|URL|string/text||
hs_images|Image URL|string/text||
hs_cost_of_goods_sold|Unit cost|number/number||
hs_external_id|External line item ID|number/number||
"""

QUOTES = """
hs_title|Quote Title|string/text||
hs_expiration_date|Expiration Date|datetime/date||
hs_status|Quote status|enumeration/select|ext|
hs_template_type|Template type|enumeration/select|ext|
hs_currency|Currency|enumeration/select|ext|
hs_language|Language|enumeration/select|ext|
hs_locale|Locale|enumeration/select|ext|
hs_quote_amount|Quote Amount|number/number|ro|
hs_quote_link|Quote link|string/text|ro|
hs_public_url_key|Public URL key|string/text|ro|
hs_comments|Comments to buyer|string/textarea||
hs_terms|Purchase terms|string/textarea||
hs_esign_enabled|Enable e-sign|bool/booleancheckbox||true=True; false=False
"""

ACTIVITY = """
hs_timestamp|Activity date|datetime/date||
hs_attachment_ids|Attached file IDs|enumeration/checkbox|ext|
hs_activity_type|Activity type|enumeration/select|ext|
hs_created_by|Created by user ID|number/number|ro|
hs_body_preview|Body preview|string/textarea|ro|
"""
NOTES = "hs_note_body|Note body|string/html||"
TASKS = """
hs_task_subject|Task Title|string/text||
hs_task_body|Task Notes|string/html||
hs_task_status|Task Status|enumeration/select||NOT_STARTED=Not started; IN_PROGRESS=In progress; WAITING=Waiting; \
COMPLETED=Completed; DEFERRED=Deferred
hs_task_type|Task Type|enumeration/select||TODO=To-do; EMAIL=Email; CALL=Call
hs_task_priority|Priority|enumeration/select||NONE=None; LOW=Low; MEDIUM=Medium; HIGH=High
hs_task_reminders|Reminder|string/text||
"""
CALLS = """
hs_call_title|Call Title|string/text||
hs_call_body|Call notes|string/html||
hs_call_status|Call status|enumeration/select|ext|
hs_call_direction|Call direction|enumeration/select||INBOUND=Inbound; OUTBOUND=Outbound
hs_call_disposition|Call outcome|enumeration/select|ext|
hs_call_duration|Call duration|number/number||
hs_call_from_number|From Number|string/text||
hs_call_to_number|To Number|string/text||
hs_call_recording_url|Recording URL|string/text||
"""
MEETINGS = """
hs_meeting_title|Meeting name|string/text||
hs_meeting_body|Meeting description|string/html||
hs_internal_meeting_notes|Internal meeting notes|string/html||
hs_meeting_start_time|Start time|datetime/date||
hs_meeting_end_time|End time|datetime/date||
hs_meeting_location|Location|string/text||
hs_meeting_external_url|Meeting URL|string/text||
hs_meeting_outcome|Meeting outcome|enumeration/select|ext|
"""
EMAILS = """
hs_email_subject|Email subject|string/text||
hs_email_text|Text body|string/textarea||
hs_email_html|Email body|string/html||
hs_email_direction|Email Direction|enumeration/select||EMAIL=Email; INCOMING_EMAIL=Incoming; FORWARDED_EMAIL=Forwarded
hs_email_status|Email send status|enumeration/select|ext|
hs_email_headers|Email headers|string/textarea||
hs_email_from_email|Email From Address|string/text|ro|
hs_email_to_email|Email To Address|string/text|ro|
"""
COMMUNICATIONS = """
hs_communication_channel_type|Channel|enumeration/select||WHATS_APP=WhatsApp; LINKEDIN_MESSAGE=LinkedIn message; SMS=SMS
hs_communication_logged_from|Logged from|enumeration/select||CRM=CRM
hs_communication_body|Body|string/html||
"""
POSTAL_MAIL = "hs_postal_mail_body|Body|string/html||"

INVOICES = """
hs_currency|Currency|enumeration/select|ext|
hs_invoice_status|Invoice status|enumeration/select||draft=Draft; open=Open; paid=Paid; voided=Voided
hs_due_date|Due date|datetime/date||
hs_invoice_date|Invoice date|datetime/date||
hs_number|Invoice number|string/text|ro|
hs_amount_billed|Amount billed|number/number|ro|
"""
SUBSCRIPTIONS = (
    "hs_name|Name|string/text||\nhs_status|Status|enumeration/select|ext|\nhs_currency_code|Currency|string/text||"
)
CHARGES = "hs_label|Label|string/text||\nhs_type|Type|enumeration/select|ext|\nhs_value|Value|number/number||"
PAYMENTS = """
hs_initial_amount|Gross amount|number/number||
hs_initiated_date|Payment date|datetime/date||
hs_currency_code|Currency|string/text||
hs_customer_email|Customer email|string/text||
hs_latest_status|Status|enumeration/select|ext|
"""

_ADDRESS_PARTS = (
    "name",
    "firstname",
    "lastname",
    "email",
    "phone",
    "street",
    "city",
    "state",
    "postal_code",
    "country",
)
ADDRESSES = "\n".join(
    f"hs_{side}_address_{part}|{side.title()} {part.replace('_', ' ')}|string/text||"
    for side in ("billing", "shipping")
    for part in _ADDRESS_PARTS
)
ORDERS = """
hs_order_name|Name|string/text||
hs_pipeline|Pipeline|enumeration/select|ext|
hs_pipeline_stage|Stage|enumeration/select|ext|
hs_currency_code|Currency Code|enumeration/select|ext|
hs_source_store|Source store|string/text||
hs_fulfillment_status|Fulfillment status|string/text||
hs_payment_status|Payment status|string/text||
hs_external_order_id|External order ID|string/text||
hs_external_order_url|External order URL|string/text||
hs_external_order_status|External order status|string/text||
hs_external_cart_id|External cart ID|string/text||
hs_external_checkout_id|External checkout ID|string/text||
hs_external_created_date|External created date|datetime/date||
hs_processed_date|Processed date|datetime/date||
hs_cancelled_date|Cancelled date|datetime/date||
hs_total_price|Total price|number/number||
hs_subtotal_price|Subtotal price|number/number||
hs_tax|Tax|number/number||
hs_shipping_cost|Shipping cost|number/number||
hs_order_discount|Order discount|number/number||
hs_discount_codes|Discount codes|string/text||
hs_order_note|Order note|string/textarea||
hs_tags|Tags|string/text||
hs_payment_processing_method|Payment processing method|string/text||
hs_shipping_tracking_number|Tracking number|string/text||
hs_shipping_status_url|Shipping status URL|string/text||
hs_buyer_accepts_marketing|Buyer accepts marketing|bool/booleancheckbox||true=True; false=False
hs_homecurrency_amount|Amount in company currency|number/number|ro|
hs_exchange_rate|Exchange rate|number/number|ro|
"""
CARTS = """
hs_cart_name|Name|string/text||
hs_external_cart_id|External cart ID|string/text||
hs_external_status|External status|string/text||
hs_source_store|Source store|string/text||
hs_total_price|Total price|number/number||
hs_subtotal_price|Subtotal price|number/number||
hs_currency_code|Currency code|enumeration/select|ext|
hs_cart_discount|Cart discount|number/number||
hs_tax|Tax|number/number||
hs_shipping_cost|Shipping cost|number/number||
hs_tags|Tags|string/text||
hs_cart_url|Cart URL|string/text||
hs_discount_codes|Discount codes|string/text||
hs_external_created_date|External created date|datetime/date||
hs_external_modified_date|External modified date|datetime/date||
hs_external_token|External token|string/text||
hs_landing_site|Landing site|string/text||
hs_referring_site|Referring site|string/text||
hs_total_weight|Total weight|string/text||
hs_buyer_accepts_marketing|Buyer accepts marketing|bool/booleancheckbox||true=True; false=False
"""
LEADS = """
hs_lead_name|Lead name|string/text||
hs_lead_type|Lead type|enumeration/select|ext|
hs_lead_label|Lead label|enumeration/select||HOT=Hot; WARM=Warm; COLD=Cold
hs_lead_source|Lead source|enumeration/select|ext|
"""
STAGED = "hs_pipeline|Pipeline|enumeration/select|ext|\nhs_pipeline_stage|Stage|enumeration/select|ext|"
APPOINTMENTS = """
hs_appointment_name|Name|string/text||
hs_appointment_start|Start|datetime/date||
hs_appointment_end|End|datetime/date||
"""
COURSES = "hs_course_name|Name|string/text||\nhs_course_description|Description|string/textarea||"
LISTINGS = """
hs_name|Name|string/text||
hs_price|Price|number/number||
hs_address_1|Address|string/text||
hs_city|City|string/text||
hs_zip|Postal code|string/text||
"""
SERVICES = """
hs_name|Name|string/text||
hs_description|Description|string/textarea||
hs_start_date|Start date|datetime/date||
hs_close_date|Close date|datetime/date||
hs_amount_paid|Amount paid|number/number||
"""

FEEDBACK = "hs_content|Response|string/textarea||\nhs_survey_type|Survey type|enumeration/select|ext|"
DEAL_SPLITS = (
    "hs_deal_split_percentage|Split percentage|number/number||\nhs_deal_split_amount|Split amount|number/number||"
)
GOALS = "hs_goal_name|Goal name|string/text||\nhs_target_amount|Target amount|number/number||"
USERS = (
    "hs_given_name|First name|string/text|ro|\nhs_family_name|Last name|string/text|ro|\nhs_email|Email|string/text|ro|"
)

TABLES: dict[str, str] = {
    "feedback_submissions": FEEDBACK,
    "deal_splits": DEAL_SPLITS,
    "goal_targets": GOALS,
    "users": USERS,
    "deals": DEALS,
    "tickets": TICKETS,
    "products": PRODUCTS,
    "line_items": LINE_ITEMS,
    "quotes": QUOTES,
    "communications": "\n".join((COMMUNICATIONS, ACTIVITY)),
    "tasks": "\n".join((TASKS, ACTIVITY)),
    "notes": "\n".join((NOTES, ACTIVITY)),
    "meetings": "\n".join((MEETINGS, ACTIVITY)),
    "calls": "\n".join((CALLS, ACTIVITY)),
    "emails": "\n".join((EMAILS, ACTIVITY)),
    "postal_mail": "\n".join((POSTAL_MAIL, ACTIVITY)),
    "invoices": INVOICES,
    "subscriptions": SUBSCRIPTIONS,
    "discounts": CHARGES,
    "fees": CHARGES,
    "taxes": CHARGES,
    "commerce_payments": PAYMENTS,
    "orders": "\n".join((ORDERS, ADDRESSES)),
    "carts": "\n".join((CARTS, ADDRESSES)),
    "leads": "\n".join((LEADS, STAGED)),
    "services": "\n".join((SERVICES, STAGED)),
    "courses": "\n".join((COURSES, STAGED)),
    "listings": "\n".join((LISTINGS, STAGED)),
    "appointments": "\n".join((APPOINTMENTS, STAGED)),
    "projects": "\n".join((SERVICES, STAGED)),
}
