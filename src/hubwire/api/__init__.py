"""The admin API under `/api/v1`: the console's questions and changes for programs. One table describes it, serves it
and writes its OpenAPI document."""
