# frozen_string_literal: true

module Swiftiply
  # The version of the gem, of the native library in it and of the proxy that it was released with.
  VERSION = "0.9.0"
end
