-- What wrk sends and counts. An answer is good with status 200 and a token in it.
wrk.method = os.getenv("METHOD")
wrk.body = os.getenv("BODY")

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  bad = 0
end

function response(status, _, body)
  local token = body:find("^00[67]") or body:find('"token":"00[67]') or body:find('"token":"04')
  if status ~= 200 or not token then
    bad = bad + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("bad")
  end
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"longest":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max, failed
  ))
end
