#include "FrameFilter.h"
#include "SpotFit.h"
#pragma once
#include "NetworkKernels.h"
