#!/usr/bin/env bash
# A saved model loads and answers alike where this package was never installed: in a fresh virtual environment with
# transformers, torch, torchvision and av alone, without network. Downloads some gigabytes and takes minutes.
#
#   tests/clean_environment.sh                        transformers' newest release
#   tests/clean_environment.sh transformers==5.11.0   another one
#
# `python` must be one that has this package.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python - "$work" <<'EOF'
import sys
import av, numpy as np, torch
from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor

work = sys.argv[1]
with av.open(f"{work}/clip.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 96, 80, "yuv420p"
    for number in range(40):
        picture = np.random.default_rng(number).integers(0, 256, (80, 96, 3), dtype=np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode())

torch.manual_seed(0)
model = LogoFormerForVideoClassification(LogoFormerConfig.tiny())
processor = LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
model.save_pretrained(f"{work}/model")
processor.save_pretrained(f"{work}/model")
# As loaded: weights lie elsewhere in memory than new ones, and sums change their order with that.
model = LogoFormerForVideoClassification.from_pretrained(f"{work}/model").eval()
pixel_values = processor(f"{work}/clip.mp4", return_tensors="pt")["pixel_values"]
with torch.inference_mode():
    logits = model(pixel_values).logits
torch.save({"torch": str(torch.__version__), "pixel_values": pixel_values, "logits": logits}, f"{work}/expected.pt")
EOF

python -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "${1:-transformers}" torch torchvision av

cd "$work"
env -u PYTHONPATH HF_HUB_OFFLINE=1 HF_HOME="$work/hf_home" "$work/venv/bin/python" - <<'EOF'
import importlib.util
import av, torch, torchvision, transformers
from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor, pipeline

assert importlib.util.find_spec("logoformer_hf") is None, "this environment has the package"
expected = torch.load("expected.pt")
AutoConfig.from_pretrained("model", trust_remote_code=True)
AutoModel.from_pretrained("model", trust_remote_code=True)
processor = AutoVideoProcessor.from_pretrained("model", trust_remote_code=True)
model = AutoModelForVideoClassification.from_pretrained("model", trust_remote_code=True).eval()
inputs = processor("clip.mp4", return_tensors="pt")
with torch.inference_mode():
    logits = model(**inputs).logits
tolerance = 0 if torch.__version__ == expected["torch"] else 1e-5  # another release may add in another order
for name, value in (("pixel_values", inputs["pixel_values"]), ("logits", logits)):
    torch.testing.assert_close(value, expected[name], rtol=0, atol=tolerance)
best = pipeline("video-classification", model="model", trust_remote_code=True)("clip.mp4", top_k=1)[0]
assert best["label"] == model.config.id2label[int(logits[0].argmax())]
print(
    f"transformers {transformers.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
    f"av {av.__version__}: the same logits, {'to 1e-5' if tolerance else 'bit for bit'}"
)
EOF
