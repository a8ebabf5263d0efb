"""A constant load on a running proxy, with streams that stay open: who was failed, and when.

load.py PORT TOKEN DIR [STREAMS] [WORDS]: opens the streams, writes DIR/ready once every one of them has had content, goes
on with single requests until DIR/stop is there and all streams have ended, and writes DIR/result as NAME=NUMBER lines.
"""

import http.client
import json
import pathlib
import sys
import threading
import time

PORT, TOKEN, DIR = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
STREAMS = int(sys.argv[4]) if len(sys.argv) > 4 else 50
# The demo's slow model says a word every 100 ms, after 2 s.
WORDS = int(sys.argv[5]) if len(sys.argv) > 5 else 200
WORKERS, EVERY, LONGEST = 4, 0.05, 150
HEAD = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}

began = time.monotonic()
lock = threading.Lock()
count = {"ok": 0, "failed": 0, "whole": 0, "told": 0, "silent": 0}
failed_at, with_content, reasons = [], threading.Semaphore(0), {}


def body(model, words, stream):
    text = " ".join(["word"] * words)
    return json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})


def note(what, why=None):
    with lock:
        count[what] += 1
        if why:
            reasons[why] = reasons.get(why, 0) + 1


def stream():
    """`whole`: to its last event; `told`: ended by an error event; `silent`: anything else, which must never be."""
    text, seen = b"", False
    try:
        link = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        link.request("POST", "/v1/chat/completions", body("demo-slow", WORDS, True), HEAD)
        answer = link.getresponse()
        while piece := answer.read1(65536):
            text += piece
            if not seen and b'"content"' in text:
                seen = True
                with_content.release()
    except (OSError, http.client.HTTPException):
        pass
    if b"data: [DONE]" in text:
        note("whole")
    elif b'"error"' in text:
        note("told")
    else:
        note("silent")
    if not seen:
        with_content.release()


def requests():
    while not (DIR / "stop").exists() and time.monotonic() - began < LONGEST:
        at = time.monotonic()
        try:
            link = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            link.request("POST", "/v1/chat/completions", body("demo", 3, False), HEAD)
            status = link.getresponse()
            status.read()
            if status.status == 200:
                note("ok")
            else:
                note("failed", str(status.status))
                failed_at.append(at)
        except (OSError, http.client.HTTPException) as error:
            note("failed", type(error).__name__)
            failed_at.append(at)
        finally:
            link.close()
        time.sleep(max(0, at + EVERY - time.monotonic()))


threads = [threading.Thread(target=stream, daemon=True) for _ in range(STREAMS)]
for thread in threads:
    thread.start()
for _ in range(STREAMS):
    with_content.acquire(timeout=60)
workers = [threading.Thread(target=requests, daemon=True) for _ in range(WORKERS)]
for thread in workers:
    thread.start()
time.sleep(0.5)
(DIR / "ready").write_text("")
for thread in workers + threads:
    thread.join(max(1, began + LONGEST + 60 - time.monotonic()))
span = max(failed_at) - min(failed_at) if failed_at else 0
count["refused_for_ms"] = int(span * 1000)
lines = [f"{name}={number}" for name, number in count.items()]
lines.append("reasons=" + ",".join(f"{why}:{number}" for why, number in sorted(reasons.items())))
(DIR / "result.new").write_text("\n".join(lines) + "\n")
(DIR / "result.new").rename(DIR / "result")
