#pragma once
#include "FrameFilter.h"
#include "OverlapFit.h"
#include "SpotFit.h"
#include "NetworkKernels.h"
#include "Winograd.h"
#include "RadialConvergence.h"
#include "SegmentationKernels.h"
