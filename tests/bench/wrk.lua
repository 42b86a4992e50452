-- What the clients send, from the environment, fixed before the run: wrk then writes the same bytes again and again,
-- and no Lua runs for a request. At the end all that was seen, as one line for load.py to read.

local function option(name) return os.getenv("BENCH_" .. name) or "" end

local body_bytes = tonumber(option("BODY_BYTES")) or 0
if body_bytes > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", body_bytes)
  wrk.headers["Content-Type"] = "application/octet-stream"
end
if option("CLOSE") == "1" then
  wrk.headers["Connection"] = "close"
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"seconds":%.6f,"bytes":%d,"p50_ms":%.4f,"p99_ms":%.4f,"p999_ms":%.4f,"max_ms":%.4f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
