# frozen_string_literal: true

# One path for each thing that the tests look at. Rack::Lint stands outermost where Rack's own rules allow what is shown.

require "digest"
require "json"
require "rack/lint"
require "timeout"

TEXT = { "content-type" => "text/plain" }.freeze

class Closing
  @count = 0
  class << self
    attr_accessor :count
  end

  def each
    yield "one"
    raise "broken in the middle"
  end

  def close
    Closing.count += 1
  end
end

# Goes on for as long as somebody reads, and says when it was closed.
class Endless
  def each
    loop { yield "x" * 16_384 }
  end

  def close
    warn "the endless body is closed"
  end
end

LINTED = {
  "/linted" => ->(_env) { [200, TEXT.dup, ["Hello, world!"]] },
  "/env" => lambda { |env|
    shown = env.select { |_key, value| value.is_a?(String) || value == true || value == false }
    shown.transform_values! { |value| value.is_a?(String) ? value.dup.force_encoding("UTF-8").scrub : value }
    [200, { "content-type" => "application/json" }, [JSON.generate(shown)]]
  },
  "/echo" => ->(env) { [200, TEXT.dup, [env["rack.input"].read]] },
  "/digest" => lambda { |env|
    digest = Digest::SHA256.new
    while (piece = env["rack.input"].read(65_536))
      digest << piece
    end
    [200, TEXT.dup, [digest.hexdigest]]
  },
  # Each line that the test writes into the pipe is a piece.
  "/fifo" => ->(_env) { [200, TEXT.dup, File.open(ENV.fetch("FIFO")).each_line] },
  "/big" => lambda { |env|
    piece = "x" * 65_536
    [200, TEXT.dup, Enumerator.new { |pieces| Integer(env["QUERY_STRING"]).times { pieces << piece } }]
  },
  "/nothing" => ->(_env) { [204, {}, []] },
  "/raise" => ->(_env) { raise "an exception of the app" },
  "/hints" => lambda { |env|
    env["rack.early_hints"].call({ "link" => "</style.css>; rel=preload" })
    [200, TEXT.dup, ["hinted"]]
  },
  "/hijack" => ->(_env) { [200, TEXT.merge("rack.hijack" => ->(io) { Thread.new { io.write("taken") && io.close } }), []] },
  "/memory" => ->(_env) { [200, TEXT.dup, [File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1]]] },
  "/pid" => ->(_env) { [200, TEXT.dup, [Process.pid.to_s]] },
  "/timeout" => lambda { |env|
    Timeout.timeout(0.1) { env["rack.input"].read }
    [200, TEXT.dup, ["not reached"]]
  },
  "/forked" => lambda { |env|
    reader, writer = IO.pipe
    pid = fork do
      env["swiftiply.request"].reply.send_whole(200, [], "from the child")
    rescue StandardError => error
      writer.write("#{error.class}: #{error.message}")
    ensure
      exit!(0)
    end
    writer.close
    Process.wait(pid)
    [200, TEXT.dup, [reader.read]]
  },
}.transform_values { |app| Rack::Lint.new(app) }

RAW = {
  "/endless" => ->(_env) { [200, TEXT.dup, Endless.new] },
  "/unchanged" => ->(_env) { [304, { "content-length" => "9", "etag" => "x" }, []] },
  "/" => ->(_env) { [200, TEXT.dup, ["Hello, world!"]] },
  "/broken" => ->(_env) { [200, TEXT.dup, Closing.new] },
  "/closings" => ->(_env) { [200, TEXT.dup, [Closing.count.to_s]] },
  "/short" => ->(_env) { [200, { "content-length" => "100" }, ["short"].each] },
  "/long" => ->(_env) { [200, { "content-length" => "4" }, %w[long er].each] },
  "/inject" => ->(_env) { [200, { "x-note" => "a\r\nset-cookie: evil=1" }, ["x"]] },
  "/connection" => lambda { |_env|
    [200, { "Connection" => "X-Mine", "X-Mine" => "1", "Keep-Alive" => "9", "X-Kept" => "1" }, ["x"]]
  },
}.freeze

run ->(env) { (RAW[env["PATH_INFO"]] || LINTED.fetch(env["PATH_INFO"])).call(env) }
