#pragma once
#include <kissfft/kiss_fft.h>
#include <kissfft/kiss_fftr.h>
#include <kissfft/kiss_fftnd.h>
#include <kissfft/kiss_fftndr.h>
