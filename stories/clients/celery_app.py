"""The celery application of the story: one job that adds, and says which process did it."""

import os

from celery import Celery

app = Celery("story", broker=os.environ["STORY_BROKER"], backend=os.environ["STORY_RESULTS"])
app.conf.update(
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "queue_name_prefix": "celery-story-",
        "visibility_timeout": 60,
        "wait_time_seconds": 1,
        "polling_interval": 0.1,
    },
    worker_enable_remote_control=False,
    task_default_queue="jobs",
)


@app.task
def add(a, b):
    return [a + b, os.getpid()]
