import json
import os
import sys
import tempfile

sys.path.insert(0, os.environ["DLT_SOURCES"])
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import duckdb
from hubspot import hubspot

pipeline = dlt.pipeline(
    "hubspot",
    destination=dlt.destinations.duckdb(duckdb.connect(":memory:")),
    dataset_name="crm",
    pipelines_dir=tempfile.mkdtemp(),
)
source = hubspot(api_key=os.environ["TOKEN"], include_history=True)
information = pipeline.run(source)
print(json.dumps(pipeline.last_trace.last_normalize_info.row_counts))
