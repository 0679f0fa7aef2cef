#include "FrameFilter.h"
#include "SpotFit.h"
