# frozen_string_literal: true

module Swiftiply
  # Tags every exception of Swiftiply, so that `rescue Swiftiply::Error` catches them all, while each also is what Ruby
  # and its libraries expect in its place: an IOError for a stream that is gone, an ArgumentError for a wrong value.
  module Error; end

  # The client left, or its exchange was cancelled: nobody reads the reply any more.
  class ClientGone < IOError
    include Error
  end

  # The link to the proxy broke, or the connector was stopped, while an exchange was under way.
  class LinkLost < IOError
    include Error
  end

  # The request's body ended before all of it came: what was read so far is not the whole.
  class BodyCut < EOFError
    include Error
  end

  # The proxy's time limit for the exchange passed: the client has its answer already.
  class DeadlinePassed < ClientGone; end

  # The app gave more body than its Content-Length announced. What is beyond it was cut off.
  class BodyTooLong < IOError
    include Error
  end

  # The app gave less body than its Content-Length announced. The reply was aborted.
  class BodyTooShort < IOError
    include Error
  end

  # A status, header name or header value that HTTP cannot carry.
  class BadReply < ArgumentError
    include Error
  end

  # A reply was begun twice, or written to before it was begun or after its end.
  class ReplyMisused < IOError
    include Error
  end

  # An option that makes no sense, or a key that cannot be read.
  class ConfigurationError < ArgumentError
    include Error
  end

  # The connector was started before a fork and used after it.
  class Forked < RuntimeError
    include Error
  end

  # What this version does not offer to an app.
  class Unsupported < RuntimeError
    include Error
  end
end
