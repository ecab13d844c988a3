"""The admin API under `/api/v1`: programs read and change what the console shows. One table describes it, serves it
and writes its OpenAPI document."""
