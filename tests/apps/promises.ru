# frozen_string_literal: true

# The app of README.md over Rack.

require "digest"
require "json"
require "rack"

PIECE = ((0..255).to_a.pack("C*") * 256).freeze
TEXT = { "content-type" => "text/plain" }.freeze
BYTES = { "content-type" => "application/octet-stream" }.freeze

def note(word)
  $stdout.syswrite("#{word}\n")
end

def add(line)
  File.open(ENV.fetch("COUNTED"), "a") { |file| file.syswrite(line) }
end

def query(env)
  Rack::Utils.parse_query(env["QUERY_STRING"])
end

def answer(body, status = 200)
  [status, TEXT.merge("content-length" => body.bytesize.to_s), [body]]
end

def each_piece(env)
  while (piece = env["rack.input"].read(65_536))
    yield piece
  end
end

def sleep_ms(text)
  sleep(Integer(text) / 1000.0)
end

slow = lambda { |env|
  note "slow"
  sleep_ms(query(env)["ms"])
  answer("hello")
}

PATHS = {
  "/hello" => ->(_env) { answer("hello") },
  "/pid" => ->(_env) { answer(Process.pid.to_s) },
  "/headers" => lambda { |env|
    found = env.select { |name, _value| name.start_with?("HTTP_") }
    found.transform_keys! { |name| name.delete_prefix("HTTP_").tr("_", "-").downcase }
    answer(JSON.generate(found.merge("peer" => env["REMOTE_ADDR"])))
  },
  "/echo" => ->(env) { [200, BYTES.dup, Enumerator.new { |pieces| each_piece(env) { |piece| pieces << piece } }] },
  "/sink" => lambda { |env|
    note "sink"
    digest = Digest::SHA256.new
    count = 0
    begin
      each_piece(env) do |piece|
        digest << piece
        count += piece.bytesize
      end
    rescue IOError
      note "cut"
      raise
    end
    answer("#{count} #{digest.hexdigest}")
  },
  "/refuse" => ->(_env) { answer("refused", 413) },
  "/big" => lambda { |env|
    left = Integer(query(env)["bytes"])
    [200, BYTES.dup, Enumerator.new do |pieces|
      while left.positive?
        piece = PIECE.byteslice(0, left)
        left -= piece.bytesize
        pieces << piece
      end
    end]
  },
  "/status" => ->(env) { [Integer(query(env)["code"]), TEXT.dup, ["a body"]] },
  "/hints" => lambda { |env|
    env["rack.early_hints"].call({ "link" => "</style.css>; rel=preload" })
    answer("hello")
  },
  "/slow" => slow,
  "/block" => slow,
  "/raise" => ->(_env) { raise "the app's own mistake" },
  "/raise-midway" => lambda { |_env|
    [200, TEXT.dup, Enumerator.new do |pieces|
      pieces << "begun"
      raise "the app's late mistake"
    end]
  },
  "/exit" => ->(_env) { exit!(3) },
  "/disconnect" => lambda { |_env|
    [200, TEXT.dup, Enumerator.new do |pieces|
      loop do
        pieces << "more "
        sleep_ms(10)
      end
    ensure
      note "left"
    end]
  },
  "/count" => lambda { |env|
    asked = query(env)
    add("begun #{asked["id"]}\n")
    sleep_ms(asked["ms"])
    add("ended #{asked["id"]}\n")
    answer("hello")
  },
}.freeze

run ->(env) { PATHS.fetch(env["PATH_INFO"]).call(env) }
