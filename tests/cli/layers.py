"""A layout's layers, each for check(LAYOUT, NUMBER, DESCRIPTOR, DIFF_ID): sys.argv is LAYOUT [NUMBER...]."""
import json
import os
import sys


def each(check):
    layout, wanted = sys.argv[1], sys.argv[2:]

    def doc(digest):
        with open(os.path.join(layout, "blobs", digest.replace(":", "/")), "rb") as f:
            return json.load(f)
    with open(os.path.join(layout, "index.json"), "rb") as f:
        manifest = doc(json.load(f)["manifests"][0]["digest"])
    diff_ids = doc(manifest["config"]["digest"])["rootfs"]["diff_ids"]
    assert len(diff_ids) == len(manifest["layers"])
    for n, descriptor in enumerate(manifest["layers"]):
        if not wanted or str(n) in wanted:
            check(layout, n, descriptor, diff_ids[n])
