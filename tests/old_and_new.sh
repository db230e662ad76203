#!/usr/bin/env bash
# The model, its travelling code, the pipeline and pushes on transformers' newest release and on the oldest that
# pyproject.toml claims, each in a fresh virtual environment. Downloads some gigabytes and takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(sed -n 's/^ *"transformers>=\([0-9.]*\)".*/\1/p' pyproject.toml)
tests="tests/test_configuration_logoformer.py tests/test_modeling_logoformer.py
    tests/test_video_processing_logoformer.py tests/test_video_reading_logoformer.py
    tests/test_image_reading_logoformer.py tests/test_remote_code.py
    tests/test_pipeline.py tests/hub/test_push.py"

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
for release in transformers "transformers==$oldest"; do
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet -e ".[test]" "$release"
    "$environment/bin/pip" list 2>/dev/null | grep -iE '^(av|huggingface.hub|torch|torchvision|transformers) '
    "$environment/bin/python" -m pytest --quiet $tests
    PATH="$environment/bin:$PATH" tests/clean_environment.sh "$release"
done
