"""Drives every recorded case through each client and judges the rows that arrive: run.py BUILD_DIR RECORDINGS, by run.sh."""
import base64, json, os, shutil, subprocess, sys, urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

build, recordings = (Path(argument).resolve() for argument in sys.argv[1:3])
sys.path.insert(0, str(recordings))
sys.dont_write_bytecode = True  # not among the recordings
import validate  # noqa: E402

client = build / "tests/conformance/conformance_client"
library = build / "src/auto/libbraintrust_auto.so"
local = build / "src/local/braintrust-local"
work = build / "conformance"
clients = {"libcurl-easy": "easy", "libcurl-multi": "multi", "curl-preloaded": None, "cpp-httplib": "httplib"}

# Streams that break off: a part of the text is kept. Others that break off, and refusals with the status alone to tell.
faults = [
    ("openai/chat_stream_long", "x-cut-after", 0.6),
    ("openai/responses_stream", "x-cut-after", 0.6),
    ("anthropic/messages_stream", "x-cut-after", 0.6),
    ("google/stream_sse", "x-cut-after", 0.6),
    ("bedrock/invoke_stream_claude", "x-cut-after", 0.54),
    ("openai/chat_basic", "x-cut-after", 0.5),
    ("openai/chat_basic", "x-status", 429),
    ("anthropic/messages_basic", "x-status", 500),
    ("google/stream_sse", "x-status", 500),
]

# ------------------------------------------------------------------------------------------- a row against turns[].expected

# The canonical form has names of its own for what Bedrock's converse and Cohere report.
canonical_reasons = {"end_turn": "stop", "tool_use": "tool_calls", "guardrail_intervened": "content_filter",
                     "max_tokens": "length", "COMPLETE": "stop", "TOOL_CALL": "tool_calls", "MAX_TOKENS": "length"}


def parsed(arguments):
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return arguments


def said_in_message(message):
    text, tools = "", []
    content = message.get("content") or []
    if isinstance(content, str):
        text, content = content, []
    for part in content:
        if part["type"] in ("text", "output_text"):
            text += part["text"]
        elif part["type"] == "tool_use":
            tools.append((part["name"], part["input"]))
    for call in message.get("tool_calls") or []:
        tools.append((call["function"]["name"], parsed(call["function"]["arguments"])))
    return text, tools


def said_in(output):
    """Text, tool calls and reason to finish of each choice, in whichever provider's shape."""
    if isinstance(output, dict) and "candidates" in output:  # Google
        for candidate in output["candidates"]:
            parts = candidate["content"]["parts"]
            yield ("".join(part.get("text", "") for part in parts if not part.get("thought")),
                   [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part],
                   candidate.get("finishReason"))
    elif isinstance(output, dict):  # Anthropic
        yield (*said_in_message(output), output.get("stop_reason"))
    elif output and "type" in output[0]:  # items of a response
        yield ("".join(said_in_message(item)[0] for item in output if item["type"] == "message"),
               [(item["name"], parsed(item["arguments"])) for item in output if item["type"] == "function_call"], "completed")
    else:
        for choice in output or []:
            yield (*said_in_message(choice.get("message", choice)), choice.get("finish_reason"))


def judge_turn(row, expected):
    problems = []

    def same(actual, wanted, what):
        validate.compare(actual, wanted, what, problems)

    error, output, metrics = row.get("error"), row.get("output"), row.get("metrics") or {}
    if expected["api"] == "error":
        for part in (expected["error"]["message"], str(expected["status"])):
            same(error, {"$contains": part}, "error")
        same(output, {"$match": "undefined_or_null"}, "output")
        return problems
    if "model" in expected:
        same((row.get("metadata") or {}).get("model"), expected["model"], "metadata.model")
    same(metrics, expected["metrics"], "metrics")
    same("time_to_first_token" in metrics, expected["streaming"], "streamed")
    if "embedding_length" in expected:
        same(output["embedding_length"], expected["embedding_length"], "embedding_length")
    if "flagged" in expected:
        same([result["flagged"] for result in output], expected["flagged"], "flagged")
    if "choices" not in expected:
        return problems
    said = list(said_in(output))
    same(len(said), len(expected["choices"]), "number of choices")
    for i, ((text, tools, reason), choice) in enumerate(zip(said, expected["choices"])):
        same(text, choice["text"], "text of choice %d" % i)
        wanted = choice.get("finish_reason")
        if expected["api"].startswith(("bedrock.converse", "cohere")):
            wanted = canonical_reasons.get(wanted, wanted)
        same(reason, wanted, "finish_reason of choice %d" % i)
        calls = [[call["name"], parsed(call["arguments"])] for call in choice.get("tool_calls", [])]
        if [list(tool) for tool in tools] != calls:  # a matcher would let more arguments pass
            problems.append("tool calls: expected=%s, actual=%s" % (validate.show(calls), validate.show(tools)))
        for key in ("refusal", "reasoning_text"):  # each is somewhere in the output, as one text
            if key in choice and json.dumps(choice[key]) not in json.dumps(output):
                problems.append("the %s is not in the output: %s" % (key, validate.show(output)))
    return problems


# ------------------------------------------------------------------------------------------------------------------------ a run


class Run:
    """One case, sent by one client, perhaps with a fault."""

    def __init__(self, client_name, file, case, fault=None):
        self.client, self.file, self.case, self.turns = client_name, file, case, case["turns"]
        self.key = case["provider"] + "/" + case["name"]
        self.name = "%s %s" % (file.relative_to(recordings).parent, case["name"])
        self.headers, self.cut, self.status = [], False, None
        if fault:
            header, value = fault
            self.name += " with %s" % header
            self.cut = header == "x-cut-after"
            self.status = None if self.cut else value
            self.headers.append("%s: %d" % (header, value * len(self.body(0)) if self.cut else value))
        # The rows of a run are those of a project of its own, and its requests are told by this header.
        self.project = "%s: %s" % (client_name, self.name)
        self.headers.append("x-run: " + self.project)

    def body(self, turn):
        return recorded_body(self.turns[turn]["response"])

    def command(self, provider):
        if self.client != "curl-preloaded":
            return [client, clients[self.client], self.file, provider] + self.headers
        words = []
        for i, turn in enumerate(self.turns):
            request = turn["request"]
            body = work / ("%s %d" % (self.project.replace("/", " "), i))
            body.write_text(json.dumps(request["body"], ensure_ascii=False), encoding="utf-8")
            headers = {"content-type": "application/json", **request["headers"], "x-case": self.key, "x-turn": i}
            words += ["--next"] if i else ["curl", "-q"]
            words += ["-sS", "-N", provider + request["mock_path"], "--data-binary", "@%s" % body]
            for header in ["%s: %s" % header for header in headers.items()] + self.headers:
                words += ["-H", header]
        return words

    def send(self, provider, environment):
        self.payloads = work / "payloads" / self.project.replace("/", " ")
        environment = {**environment, "BRAINTRUST_PROJECT_ID": self.project,
                       "BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR": str(self.payloads)}
        if self.client == "curl-preloaded":
            environment["LD_PRELOAD"] = str(library)
        done = subprocess.run(self.command(provider), env=environment, cwd=work, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120)
        self.problems = []
        if (done.returncode != 0) != self.cut or done.returncode == 2:
            self.problems.append("exit code %d: %s" % (done.returncode, done.stderr.decode(errors="replace")))
        if not self.cut and done.stdout != b"".join(self.body(turn) for turn in range(len(self.turns))):
            self.problems.append("the program saw another body than the provider sent")

    def judge(self, rows, requests):
        calls = validate.llm_rows(rows)
        if len(requests) != len(self.turns) or not all(request["body_equal"] for request in requests):
            self.problems.append("the provider saw other requests than the program sent")
        if len(calls) != len(self.turns):
            self.problems.append("%d model calls, expected %d" % (len(calls), len(self.turns)))
            return
        ends = [row["id"] for payload in self.payloads.glob("*.json") for row in validate.read_rows(payload)
                if "end" in row.get("metrics", {})]
        if len(ends) != len(rows) or len(set(ends)) != len(rows):
            self.problems.append("%d spans end %d times" % (len(rows), len(ends)))
        parents = [row["span_id"] for row in rows if row["span_attributes"].get("type") == "task"]
        for i, (row, turn) in enumerate(zip(calls, self.turns)):
            problems = []
            if (row.get("span_parents") or []) != parents:
                problems.append("its parents are %s, expected %s" % (row.get("span_parents"), parents))
            times = {"start": {"$match": "is_positive_number"}, "end": {"$match": "is_positive_number"}}
            validate.compare(row.get("metrics"), times, "metrics", problems)
            if not row.get("input"):
                problems.append("no input")
            if self.cut or self.status:
                problems += self.judge_fault(row, turn)
            else:
                if turn["response"]["status"] < 300 and row.get("error") is not None:
                    problems.append("error: %s" % row["error"])
                if "expected_spans" not in self.case:
                    problems += judge_turn(row, turn["expected"])
            self.problems += ["turn %d: %s" % (i, problem) for problem in problems]
        if "expected_spans" in self.case:
            self.problems += validate.validate(self.case, rows)

    def judge_fault(self, row, turn):
        problems = []
        validate.compare(row.get("error"), {"$contains": str(self.status or "")}, "error", problems)
        if self.cut and turn["expected"]["streaming"]:
            text = "".join(said[0] for said in said_in(row.get("output")))
            if not text or text == turn["expected"]["final_text"] or not turn["expected"]["final_text"].startswith(text):
                problems.append("no part of the text is kept: %s" % validate.show(row.get("output")))
        return problems


def recorded_body(response):
    if "body_base64" in response:
        return base64.b64decode(response["body_base64"])
    return response.get("body", "").encode()


def cases():
    for part in ("cases", "composite", "extra"):
        for file in sorted((recordings / part).rglob("*.json")):
            yield file, json.loads(file.read_text(encoding="utf-8"))


def runs_of(client_name):
    of_key = {}
    for file, case in cases():
        of_key[case["provider"] + "/" + case["name"]] = file, case
        yield Run(client_name, file, case)
    for key, header, value in faults:
        if key in of_key:
            yield Run(client_name, *of_key[key], (header, value))


def started(words, environment):
    """A server, and its address, which is in its first line."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, cwd=work, text=True)
    line = process.stdout.readline().split()
    return process, next((word for word in line if word.startswith("http://")), None)


def main():
    for program in (client, library, local):
        if not program.exists():
            sys.exit("no %s: build it first" % program)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    # Our own settings must not leak in, nor a proxy come between.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("BRAINTRUST_") and not name.lower().endswith("_proxy")}
    replay, provider = started([sys.executable, "-B", str(recordings / "mock_provider.py"), str(recordings)], environment)
    backend, url = started([local, "serve", "--port", "0", "--db", "traces.db"], environment)
    try:
        if not provider or not url:
            sys.exit("the provider or the backend did not start")
        providers = sorted({case["provider"] for _, case in cases()})
        endpoints = ["%s=%s/%s%s" % (name, provider, name, "/v1" if name == "openai" else "") for name in providers]
        environment.update(BRAINTRUST_API_KEY="anything", BRAINTRUST_APP_URL=url, BRAINTRUST_API_URL=url,
                           BRAINTRUST_AUTO_ENDPOINTS=",".join(endpoints))
        counts = [judged(name, provider, environment) for name in clients]
    finally:
        for process in (replay, backend):
            process.terminate()
            process.wait()
    return 0 if all(passed > 0 and failed == 0 for passed, failed in counts) else 1


def judged(client_name, provider, environment):
    runs = list(runs_of(client_name))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda run: run.send(provider, environment), runs))
    rows = json.loads(subprocess.run([local, "show", "--json", "--db", "traces.db"], cwd=work, env=environment, check=True,
                                     capture_output=True).stdout)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(provider + "/__log") as answer:
        requests = json.load(answer)
    failed = 0
    for run in runs:
        try:
            run.judge([row for row in rows if row["project_id"] == run.project],
                      [request for request in requests if request["headers"].get("x-run") == run.project])
        except Exception as error:  # a row of no known shape
            run.problems.append("cannot be judged: %r" % error)
        if run.problems:
            failed += 1
            print("%s: %s" % (run.project, "; ".join(problem.replace("\n", " ") for problem in run.problems)))
    print("conformance %s: %d passed, %d failed" % (client_name, len(runs) - failed, failed), flush=True)
    return len(runs) - failed, failed


sys.exit(main())
