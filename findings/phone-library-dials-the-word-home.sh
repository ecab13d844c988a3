#!/usr/bin/env bash
# Google's phone library turns a word after the number into digits, and the result is often a valid number.
#
# Packages: phonenumbers 9.0.43 (PyPI, the Python port of it), Python 3.11; libphonenumber-js 1.13.16 (npm), Node 20.
# Expected before the run: a note like "(work)" is ignored, as other signs are, or is an error; the same E.164 number in
# both libraries.
# Seen: phonenumbers reads three or more letters anywhere as keys of a telephone: "+49 30 12345 (work)" is
# +4930123459675, and is_valid_number says yes, because lengths vary in many countries. Two letters are dropped. In the
# United States the result is too long, and invalid. libphonenumber-js cuts the note off; but "+1 800 FLOWERS", which
# phonenumbers dials right, is the number +1800 there, without an error.
# Why it matters: notes in phone fields are common in forms and old CRM data. The contact gets another subscriber's
# number, and two systems that match people by E.164 disagree. Refuse texts with letters before either library.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check phonenumbers==9.0.43
npm install --silent --no-audit --no-fund --prefix . libphonenumber-js@1.13.16 > npm.log 2>&1
cat > texts <<'TEXTS'
+49 30 12345
+49 30 12345 (work)
+49 30 12345 home
+49 30 12345 ab
+43 1 51234 mobil
+39 02 12345 (casa)
+1 201 555 0123 cell
+1 800 FLOWERS
TEXTS
cat > run.py <<'PYTHON'
import phonenumbers

for text in open("texts").read().splitlines():
    number = phonenumbers.parse(text, None)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    print(text, e164, "valid" if phonenumbers.is_valid_number(number) else "invalid", sep=" | ")
PYTHON
cat > run.js <<'JS'
const { parsePhoneNumberWithError } = require('libphonenumber-js/max')
for (const text of require('fs').readFileSync('texts', 'utf8').trim().split('\n')) {
  const number = parsePhoneNumberWithError(text)
  console.log(number.number, number.isValid() ? 'valid' : 'invalid')
}
JS
paste -d '|' <(venv/bin/python run.py) <(node run.js) | sed 's/|\([^ ]\)/ | \1/' | tee seen
diff seen - <<'SEEN'
+49 30 12345 | +493012345 | valid | +493012345 valid
+49 30 12345 (work) | +4930123459675 | valid | +493012345 valid
+49 30 12345 home | +4930123454663 | valid | +493012345 valid
+49 30 12345 ab | +493012345 | valid | +493012345 valid
+43 1 51234 mobil | +4315123466245 | valid | +43151234 valid
+39 02 12345 (casa) | +3902123452272 | valid | +390212345 valid
+1 201 555 0123 cell | +120155501232355 | invalid | +12015550123 valid
+1 800 FLOWERS | +18003569377 | valid | +1800 invalid
SEEN
