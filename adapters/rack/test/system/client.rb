# frozen_string_literal: true

require "socket"
require "timeout"

# A client that writes bytes and reads replies, so that tests see what travels.
class Client
  Reply = Struct.new(:status, :headers, :body, :whole) do
    def [](name)
      headers.fetch(name.downcase, [])[0]
    end
  end

  def self.get(port, path = "/", **options)
    Client.open(port) { |client| client.request("GET", path, **options) }
  end

  def self.open(port)
    client = new(port)
    yield client
  ensure
    client&.close
  end

  def initialize(port)
    @socket = TCPSocket.new("127.0.0.1", port)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
  end

  def request(method, path, headers: {}, body: nil)
    headers = { "Host" => "app.test" }.merge(headers)
    headers["Content-Length"] = body.bytesize if body
    write("#{method} #{path} HTTP/1.1\r\n#{headers.map { |name, value| "#{name}: #{value}\r\n" }.join}\r\n#{body}")
    reply(head_only: method == "HEAD")
  end

  def write(bytes)
    @socket.write(bytes)
  end

  # Reads one reply; those before the final one with a status of 1xx are replies too.
  def reply(head_only: false)
    status, headers = head
    return Reply.new(status, headers, "", true) if head_only || status < 200 || [204, 304].include?(status)

    body = +""
    whole = each_piece(headers) { |piece| body << piece }
    Reply.new(status, headers, body, whole)
  end

  def head
    patiently do
      status = line[%r{\AHTTP/1\.1 (\d+)}, 1].to_i
      headers = Hash.new { |hash, name| hash[name] = [] }
      until (text = line).empty?
        name, value = text.split(": ", 2)
        headers[name.downcase] << value.to_s
      end
      [status, headers]
    end
  end

  # Yields the body as it comes. False if it broke off.
  def each_piece(headers, &)
    patiently do
      return chunks(&) if headers["transfer-encoding"].any?

      length = headers["content-length"][0]
      length ? counted(length.to_i, &) : until_closed(&)
    end
  end

  # One chunk of a chunked body, nil at its end.
  def chunk
    patiently do
      size = line.hex
      data = @socket.read(size + 2)[0...-2]
      data unless size.zero?
    end
  end

  def close
    @socket.close
  end

  private

  def patiently(&)
    Timeout.timeout(30, &)
  end

  def line
    @socket.gets("\r\n", chomp: true) || raise(EOFError, "the connection was closed")
  end

  def chunks
    loop do
      size = line.hex
      data = @socket.read(size + 2)
      return false unless data&.bytesize == size + 2
      return true if size.zero?

      yield data[0...-2]
    end
  rescue EOFError, SystemCallError
    false
  end

  def counted(length)
    while length.positive?
      piece = @socket.readpartial([length, 65_536].min)
      length -= piece.bytesize
      yield piece
    end
    true
  rescue EOFError, SystemCallError
    false
  end

  def until_closed
    yield @socket.read
    true
  end
end
