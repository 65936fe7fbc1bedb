// Memory that is only ever given back as a whole, when a new world begins.
#pragma once

void forget_all_memory();
