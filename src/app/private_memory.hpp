#pragma once

namespace flashsale::app {

/// From now on no core file is written of this process, and only root may read its memory: keys of tokens, of stores
/// and of payments are in it.
void keep_memory_private();

}  // namespace flashsale::app
