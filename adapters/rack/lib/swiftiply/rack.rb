# frozen_string_literal: true

# What `gem "swiftiply-rack"` loads. Only a little: the compiled library and the server come when a server starts.
require_relative "version"
require_relative "errors"
require_relative "rack/railtie" if defined?(Rails::Railtie)
