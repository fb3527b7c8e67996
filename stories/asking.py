"""`yakumo can` and `yakumo why` as a user runs them: the exit code, the text and the JSON."""

import json
import os
import subprocess

import cloud as clouds


def run(cloud, *args):
    """Runs `yakumo` against a cloud. Gives exit code, standard output and standard error."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
    command = [str(clouds.BINARY), *args, "--endpoint", cloud.url]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120)
    return done.returncode, done.stdout, done.stderr


def can(cloud, principal, action, resource=None, context=None, **options):
    """Asks, in text and in JSON, which must agree. Gives the parsed answer."""
    args = ["can", principal, action, *([resource] if resource else [])]
    for key, values in (context or {}).items():
        for value in [values] if isinstance(values, str) else values:
            args += ["--context", f"{key}={value}"]
    for name, value in options.items():
        args += [f"--{name}", value]
    code, text, errors = run(cloud, *args)
    assert code in (0, 1), (code, text, errors)
    code_of_json, answer, _ = run(cloud, *args, "--output", "json")
    answer = json.loads(answer)
    assert code == code_of_json == (0 if answer["allowed"] else 1), (code, answer)
    assert text.startswith("yes  " if answer["allowed"] else "NO  "), text
    answer["text"] = text
    return answer


def why(cloud, request_id=None):
    """Explains a request (the last that was denied, without one): its JSON, with the text under `text`."""
    args = ["why", *([request_id] if request_id else [])]
    code, text, errors = run(cloud, *args)
    assert code == 0, errors
    explained = json.loads(run(cloud, *args, "--output", "json")[1])
    explained["text"] = text
    return explained


def id_of(caught):
    """The request id of an error that boto3 raised (`refused(…) as caught`)."""
    return caught.value.response["ResponseMetadata"]["RequestId"]
