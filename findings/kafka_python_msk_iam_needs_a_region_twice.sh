#!/usr/bin/env bash
# kafka-python 3.0.12 signs in to Amazon MSK only where AWS_DEFAULT_REGION or a profile names the region.
#
# Setting: SASL mechanism AWS_MSK_IAM, a broker's name as MSK gives it (it holds the region), AWS_REGION set, as AWS sets
#   it in its own containers and functions.
# Most expect: the region is taken from the broker's name, as AWS's library for Java does, or from AWS_REGION.
# Seen: KafkaConfigurationError; with AWS_DEFAULT_REGION in place of AWS_REGION it signs, for that region, whatever the
#   broker's name says. Without any credentials it fails with an AttributeError.
# No broker and no account are needed: what is looked at is the client's first message. botocore 1.44.8.
# Seen on 2026-11-29. Fails if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet kafka-python==3.0.12 botocore==1.44.8
cat >finding.py <<'PYTHON'
import json

from kafka.net.sasl.msk import SaslMechanismAwsMskIam

HOST = "b-1.demo.a1b2c3.c2.kafka.eu-west-3.amazonaws.com"
try:
    first = SaslMechanismAwsMskIam(security_protocol="SASL_SSL", host=HOST).auth_bytes()
    print("signed for", json.loads(first)["x-amz-credential"].split("/")[2])
except Exception as error:
    print(type(error).__name__)
PYTHON

try() {
  env -i PATH="$PATH" HOME="$folder" AWS_EC2_METADATA_DISABLED=true "$@" venv/bin/python finding.py
}
keys=(AWS_ACCESS_KEY_ID=made-up AWS_SECRET_ACCESS_KEY=made-up)
by_region=$(try "${keys[@]}" AWS_REGION=eu-west-3)
by_default=$(try "${keys[@]}" AWS_DEFAULT_REGION=us-east-1)
without=$(try AWS_DEFAULT_REGION=eu-west-3)
echo "AWS_REGION=eu-west-3: $by_region; AWS_DEFAULT_REGION=us-east-1: $by_default; no credentials: $without"
test "$by_region" = KafkaConfigurationError
test "$by_default" = "signed for us-east-1"
test "$without" = AttributeError
