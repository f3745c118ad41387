-- What wrk sends: the request of each user in the file REQUESTS, in turn. A line has a path and perhaps a JWT.
-- Without the file, each request is from another user, whose number follows the last one's.
local format, number = os.getenv("FORMAT"), tonumber(os.getenv("FIRST"))
local requests, at = {}, 0

function init()
  local file = os.getenv("REQUESTS")
  for line in file and io.lines(file) or function() end do
    local path, jwt = line:match("^(%S+) ?(%S*)$")
    local headers = {}
    if jwt ~= "" then
      headers["Authorization"] = "Bearer " .. jwt
    end
    table.insert(requests, wrk.format("GET", path, headers))
  end
end

function request()
  if #requests == 0 then
    number = number + 1
    return wrk.format("GET", format:format(number))
  end
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"longest":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max, failed
  ))
end
