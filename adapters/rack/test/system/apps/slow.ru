# frozen_string_literal: true

# An app whose loading takes as long as its pipe stays silent.
warn "loading"
File.read(ENV.fetch("FIFO"))
