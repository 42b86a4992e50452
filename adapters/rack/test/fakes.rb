# frozen_string_literal: true

require "socket"

require "stringio"
require "swiftiply/errors"
require "swiftiply/rack/early_hints"
require "swiftiply/rack/variables"

# Stand-ins for Swiftiply::Request and Swiftiply::Reply, so that the mapping is tested without the compiled library. They
# hold the adapter to the contract: a reply begun once, written to in between, and ended once.
class FakeRequest
  include Swiftiply::Rack::EarlyHints

  attr_reader :request_method, :scheme, :authority, :path, :query, :version, :peer, :local, :headers, :content_length, :reply,
              :handed_over
  attr_accessor :disconnected, :cut_after

  def initialize(request_method = "GET", path = "/", query: nil, headers: [], body: nil, length: :of_body, scheme: "http",
                 authority: "example.com", version: "HTTP/1.1", peer: ["192.0.2.7", 50_123], local: ["10.0.0.1", 80])
    @request_method = request_method
    @path = path
    @query = query
    @headers = headers
    @pieces = Array(body).map(&:b)
    @body = !body.nil?
    @content_length = length == :of_body ? (@pieces.sum(&:bytesize) if body) : length
    @scheme = scheme
    @authority = authority
    @version = version
    @peer = peer
    @local = local
    @reply = FakeReply.new(self)
  end

  def environment(template)
    Swiftiply::Rack::Variables.environment(template, self)
  end

  # As if no reply were plain enough to be sent in one call.
  def answer(_status, _headers, _body, _rack_headers)
    false
  end

  # Tunnels that the process has left; nil where the client offers no upgrade.
  attr_accessor :tunnels
  # The client's end of the connection that the app took.
  attr_reader :client

  def upgrade?
    !tunnels.nil?
  end

  def claim_tunnel
    (self.tunnels -= 1) >= 0
  end

  def hand_over(head_is_sent)
    @handed_over = head_is_sent ? :behind_head : :raw
    @client, app = UNIXSocket.pair
    app.autoclose = false
    app.fileno
  end

  def body?
    @body
  end

  # At most `max` bytes of the next piece, as they would come from the link.
  def read(max)
    raise Swiftiply::BodyCut, "the client's body ended early" if @pieces.empty? && cut_after
    return if @pieces.empty?

    piece = @pieces.shift
    @pieces.unshift(piece.byteslice(max..)) if piece.bytesize > max
    piece.byteslice(0, max)
  end

  # As if the end had not come yet.
  def read_available(max)
    @pieces.empty? ? :wait_readable : read(max)
  end

  def unread
    @pieces.join
  end

  def disconnected?
    @disconnected ? true : false
  end
end

class FakeReply
  attr_reader :status, :fields, :length, :pieces, :informed, :aborted, :steps
  # The write after which the client is gone.
  attr_accessor :gone_after

  def initialize(request)
    @request = request
    @pieces = []
    @informed = []
    @steps = []
  end

  def start(status, fields)
    raise Swiftiply::ReplyMisused, "started twice" if @status

    refuse_bad(fields)
    @status = status
    @fields = fields.each_slice(2).to_a
    @length = self["content-length"]&.to_i
    @steps << :start
    nil
  end

  def write(data)
    raise Swiftiply::ReplyMisused, "not open" unless @status && !@ended
    raise Swiftiply::ClientGone, "the client left" if gone_after && @pieces.size >= gone_after
    room = @length ? @length - bytesize : data.bytesize
    @pieces << data.b.byteslice(0, room)
    @steps << :write
    raise Swiftiply::BodyTooLong, "longer than #{@length}" if room < data.bytesize

    nil
  end

  def flush
    @steps << :flush
    nil
  end

  def send_whole(status, fields, data)
    start(status, fields)
    @steps.pop
    bodiless = @request.request_method == "HEAD" || [204, 304].include?(status)
    raise Swiftiply::BodyTooShort, "#{data.bytesize} bytes, not #{@length}" if @length && @length > data.bytesize && !bodiless

    @pieces << data.b unless data.empty?
    @ended = true
    @steps << :whole
    nil
  end

  def finish
    raise Swiftiply::ReplyMisused, "not open" unless @status && !@ended

    @ended = true
    if @length && bytesize < @length
      @aborted = "shorter than #{@length}"
      raise Swiftiply::BodyTooShort, @aborted
    end
    @steps << :finish
    nil
  end

  def inform(status, fields)
    @informed << [status, fields.each_slice(2).to_a]
    nil
  end

  def abort(reason)
    return if @ended

    @aborted = reason
    @ended = true
    @steps << :abort
    nil
  end

  def hold_slot
    @steps << :hold
    nil
  end

  def release_slot
    @steps << :release
    nil
  end

  def started?
    !@status.nil?
  end

  def ended?
    @ended ? true : false
  end

  def body
    @pieces.join
  end

  def bytesize
    @pieces.sum(&:bytesize)
  end

  def [](name)
    values = @fields.select { |key, _| key.casecmp?(name) }.map(&:last)
    values.size > 1 ? values : values.first
  end

  private

  def refuse_bad(fields)
    fields.each_slice(2) do |name, value|
      raise Swiftiply::BadReply, "length #{value.inspect}" if name.casecmp?("content-length") && !value.match?(/\A\d+\z/)
    end
    fields.each do |text|
      raise Swiftiply::BadReply, "a header with #{text.inspect}" unless text.is_a?(String) && !text.match?(/[\r\n\0]/n)
    end
  end
end
