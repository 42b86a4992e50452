# frozen_string_literal: true

require_relative "../helper"
require_relative "client"
require_relative "library"
require_relative "running"
require "yaml"

# Starts the proxy and backends for one test, and ends what is left of them after it.
module ServingSystem
  RACK = File.expand_path("../..", __dir__)
  PROXY = ENV.fetch("SWIFTIPLY_BIN") { File.join(Library::ROOT, "target/debug/swiftiply") }
  APPS = File.join(__dir__, "apps")
  # How long the proxy holds a request until the backend is there: Rails takes its time on a busy machine.
  HOLD_S = Running::PATIENCE_S

  def setup
    @folder = Dir.mktmpdir("swiftiply-system")
    @started = []
    @fifo = nil
  end

  def teardown
    @started.reverse_each(&:stop)
    FileUtils.rm_rf(@folder)
  end

  # The proxy with one site; gives the port of its front. Requests are held until a backend is there.
  def start_proxy(key: nil)
    config = File.join(@folder, "swiftiply.yml")
    site = { "incoming" => "app.test", "outgoing" => "unix:#{@folder}/link", "default" => true }
    site["key"] = key if key
    File.write(config, YAML.dump("cluster_address" => "127.0.0.1", "cluster_port" => @port = free_port,
                                 "timeout" => HOLD_S, "map" => [site]))
    File.chmod(0o600, config)
    assert_path_exists PROXY, "the proxy is not there: cargo build -p swiftiply, or set SWIFTIPLY_BIN"
    @proxy = start(PROXY, "-c", config)
    @proxy.wait_for(/clients connect to/)
  end

  def free_port
    server = TCPServer.new("127.0.0.1", 0)
    server.addr[1]
  ensure
    server.close
  end

  # The command, serving one of the apps.
  def start_backend(app, *arguments, env: {})
    start_program(RbConfig.ruby, File.join(RACK, "exe/swiftiply-rack"), *arguments, File.join(APPS, app), env: env)
  end

  # As from a shell that knows the source tree and the proxy's address, and nothing of the test's own surroundings.
  def start_program(*command, env: {}, **options)
    paths = [Library.folder, File.join(RACK, "lib"), ENV.fetch("RACK_LIB", nil), ENV.fetch("RUBYLIB", nil)].compact
    ours = { "SWIFTIPLY" => "unix:#{@folder}/link", "RUBYLIB" => paths.join(":"), "FIFO" => fifo, "RACK_ENV" => nil,
             "RAILS_ENV" => nil, "WEB_CONCURRENCY" => nil, "SWIFTIPLY_KEY" => nil }
    start(*command, env: ours.merge(env), **options)
  end

  def start(*command, **options)
    Running.new(*command, **options).tap { |running| @started << running }
  end

  # A pipe whose lines become the pieces of /fifo.
  def fifo
    @fifo ||= File.join(@folder, "fifo").tap { |path| File.mkfifo(path) }
  end

  # A client whose reply has begun and is held open; yields the client and the pipe that feeds it.
  def streaming
    Client.open(@port) do |client|
      client.write("GET /fifo HTTP/1.1\r\nHost: app.test\r\n\r\n")
      File.open(fifo, "w") do |pipe|
        pipe.sync = true
        pipe.write("one\n")
        client.head
        assert_equal "one\n", client.chunk
        yield client, pipe
      end
    end
  end

  def get(path = "/", **options)
    Client.get(@port, path, **options)
  end
end
