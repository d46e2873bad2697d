// The one answer that every reader of this folder shares: what is there is right so far and not
// whole yet. Never stands for a fault. Tested by the readers that give it.
#pragma once

namespace sluice::wire {

struct NeedMore {}; // keep the unconsumed bytes, append, call again

} // namespace sluice::wire
