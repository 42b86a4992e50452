# frozen_string_literal: true

require_relative "errors"
require_relative "rack/early_hints"

# Loads the compiled library, which defines Swiftiply::Connector, Swiftiply::Request and Swiftiply::Reply. A platform gem
# carries one library for each minor version of Ruby, in a folder of that name; a gem compiled on install has one beside this
# file or, as RubyGems is set up, elsewhere on the load path.
places = [
  File.join(__dir__, RbConfig::CONFIG["ruby_version"][/\A\d+\.\d+/], "swiftiply_ruby"),
  File.join(__dir__, "swiftiply_ruby"),
]
begin
  require places.find { |place| File.exist?("#{place}.#{RbConfig::CONFIG["DLEXT"]}") } || "swiftiply/swiftiply_ruby"
rescue LoadError => error
  raise LoadError, "the compiled part of the gem swiftiply-rack is not there for Ruby #{RUBY_VERSION} on " \
                   "#{RUBY_PLATFORM} (#{error.message}): install the gem again with this Ruby"
end

# A forked child has its parent's connectors and must not touch them: so that none of them needs to ask at every call which
# process it is in, it is told here.
module Swiftiply
  # Goes before Process.fork and all its kin. What forks by other ways, as `Process.daemon` does, a connector finds out when
  # it is about to wait.
  module TellsOfForks
    # @return [Integer] 0 in the child
    def _fork
      pid = super
      Connector.forked if pid.zero?
      pid
    end
  end
  Process.singleton_class.prepend(TellsOfForks)

  Request.include(Rack::EarlyHints)
end
