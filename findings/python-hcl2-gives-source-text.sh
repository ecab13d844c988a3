#!/usr/bin/env bash
# python-hcl2 8 returns the source text of Terraform values, quotes included, where version 7 returned the values.
#
# Packages: python-hcl2 8.1.4, and 7.3.1 to compare (PyPI), Python 3.11.
# Expected before the run: loads() gives the text of a string, keys and labels without quotes, the lines of a heredoc,
# and an error for an attribute that is set twice, as Terraform does.
# Seen: version 7 does that. Version 8 gives '"free"' for "free", with its escapes, also as the label of a block and as
# a key, so tree["resource"][0]["aws_instance"] is a KeyError; a heredoc keeps its markers and its indentation; the
# second of two equal attributes replaces the first; comments and a mark appear as keys. strip_string_quotes=True
# mends strings and keys, not heredocs. In both, 1e3 is the text "${1e3}", and "$${x}" keeps its two dollars.
# Why it matters: an upgrade raises no error where values are only passed on: names and JSON arrive in quotes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 7.3.1 8.1.4; do
  python3 -m venv "$version"
  "$version/bin/pip" install --quiet --disable-pip-version-check "python-hcl2==$version"
done
cat > run.py <<'PYTHON'
import sys
import hcl2

TEXTS = ['a = "free"', r'a = "{\"b\": 1}"', 'a = {"b" = 1}', 'resource "aws_instance" "web" {\n  a = 1\n}']
TEXTS += ["a = <<-END\n    two\n      lines\n    END", "a = 1\na = 2", "a = 1 # why", "a = 1e3", 'a = "$${x}"']
options = {}
if "strip" in sys.argv:
    options = {"serialization_options": hcl2.SerializationOptions(strip_string_quotes=True)}
for text in TEXTS:
    try:
        print(hcl2.loads(text + "\n", **options))
    except Exception as error:
        print(type(error).__name__)
PYTHON
7.3.1/bin/python run.py | tee version-7
8.1.4/bin/python run.py | tee version-8
8.1.4/bin/python run.py strip | tee stripped
diff <(paste -d '\n' version-7 version-8) - <<'SEEN'
{'a': 'free'}
{'a': '"free"'}
{'a': '{"b": 1}'}
{'a': '"{\\"b\\": 1}"'}
{'a': {'b': 1}}
{'a': {'"b"': 1}}
{'resource': [{'aws_instance': {'web': {'a': 1}}}]}
{'resource': [{'"aws_instance"': {'"web"': {'a': 1, '__is_block__': True}}}]}
{'a': 'two\n  lines'}
{'a': '"<<-END\n    two\n      lines\n    END"'}
VisitError
{'a': 2}
{'a': 1}
{'a': 1, '__comments__': [{'value': 'why'}]}
{'a': '${1e3}'}
{'a': '${1e3}'}
{'a': '$${x}'}
{'a': '"$${x}"'}
SEEN
[ "$(sed -n 5p stripped)" = "{'a': '<<-END\n    two\n      lines\n    END'}" ]
