# Says again whatever comes by WebSocket, each in a thread of its own on the connection that it hijacked; a page beside it.
require "websocket/driver"

class Echo
  attr_reader :env, :url

  def initialize(env)
    @env = env
    @url = "ws://#{env["HTTP_HOST"]}#{env["REQUEST_URI"]}"
    @io = env["rack.hijack"].call
    @driver = WebSocket::Driver.rack(self)
    @driver.on(:message) { |event| event.data.is_a?(String) ? @driver.text(event.data) : @driver.binary(event.data) }
    @driver.on(:close) { @io.close }
    @driver.start
    Thread.new { listen }
  end

  def write(data)
    @io.write(data)
  end

  private

  def listen
    @driver.parse(@io.readpartial(65_536)) until @io.closed?
  rescue SystemCallError, IOError
    @io.close
  end
end

run(lambda do |env|
  next [200, { "content-type" => "text/plain" }, ["page"]] unless WebSocket::Driver.websocket?(env)

  Echo.new(env)
  [-1, {}, []]
end)
